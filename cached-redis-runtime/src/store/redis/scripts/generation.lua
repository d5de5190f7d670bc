-- KEYS: generation, fence. ARGV: random bytes, life ms, what must be left of it.
--
-- The generation that is there, or a new one. It lives for as long as the longest of those who asked needs it. It is
-- minted here as a lease id is; an empty one means that there must be none.
local random, life, least = unpack(ARGV)
if redis.pcall('GET', KEYS[2]) then return '' end
local generation = redis.pcall('GET', KEYS[1])
if type(generation) ~= 'string' or #generation ~= GENERATION_LENGTH then
  generation = random .. struct.pack('<I8', micros)
  redis.call('SET', KEYS[1], generation, 'PX', life)
elseif redis.call('PTTL', KEYS[1]) < tonumber(least) then
  redis.call('PEXPIRE', KEYS[1], life)
end
return generation
