-- Removes what is under the key. Its `fences` are a list of names, each with the time when it ends: here without the
-- one that is named, and those that have ended. `last` is when the last one ends.
local name = ARGV[1]
if string.find(KEYS[1], GENERATION_MARK, 1, true) then
  remove(KEYS[1])
else
  redis.call('UNLINK', KEYS[1])
end
local known = redis.pcall('GET', KEYS[2])
local fences, last = '', 0
if type(known) == 'string' then
  for at = 1, #known - FENCE_LENGTH + 1, FENCE_LENGTH do
    local fence = string.sub(known, at, at + FENCE_LENGTH - 1)
    local ends = struct.unpack('<I8', string.sub(fence, FENCE_ID_LENGTH + 1))
    if ends > now and string.sub(fence, 1, FENCE_ID_LENGTH) ~= name then
      fences = fences .. fence
      last = math.max(last, ends)
    end
  end
end
