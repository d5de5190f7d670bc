-- KEYS: entry. ARGV: namespace, longest record in bytes.
--
-- The record and the generations of its groups, for connections that are not told when those change. The names of the
-- groups stand in the record, so their keys cannot be told beforehand. The caller judges the header: a record that it
-- cannot read costs a few useless reads here, and is a miss.
local namespace, longest = unpack(ARGV)
local record = redis.pcall('GET', KEYS[1])
if type(record) ~= 'string' then return record end
if #record > tonumber(longest) then return {''} end
local answer = {record}
if string.sub(record, MAGIC_FROM, MAGIC_TO) == MAGIC and #record >= HEADER_LENGTH then
  for at = HEADER_LENGTH + 1, string.byte(record, WORDS_FROM) * WORD - STAMP_LENGTH + 1, STAMP_LENGTH do
    local group = string.sub(record, at, at + GROUP_LENGTH - 1):gsub('.', function(character)
      return string.format('%02x', string.byte(character))
    end)
    answer[#answer + 1] = redis.call('GET', namespace .. GENERATION_MARK .. group .. '}') or ''
  end
end
return answer
