-- The header of the entry: `head`, `state` (empty if it is not one of ours), `holder`, `soft`, `refresh`. Ours is
-- what `Header::read` can read, no more: what only one of the two accepted would never be replaced. So what is
-- reserved must be zero.
local head = redis.pcall('GETRANGE', KEYS[1], 0, HEADER_LENGTH - 1)
local state, holder, soft, refresh = '', '', 0, 0
if type(head) == 'string' and #head == HEADER_LENGTH and string.sub(head, MAGIC_FROM, MAGIC_TO) == MAGIC then
  local found, words = string.sub(head, STATE_FROM, STATE_TO), string.byte(head, WORDS_FROM)
  local last = words * WORD - 1
  local is_whole = last >= HEADER_LENGTH - 1 and redis.call('GETRANGE', KEYS[1], last, last) ~= ''
  local codec, seal = string.byte(head, CODEC_FROM), string.sub(head, SEAL_FROM, SEAL_TO)
  local is_known = string.byte(head, KIND_FROM) < KINDS and (codec < CODECS or codec >= FIRST_OWN_CODEC)
    and string.find(SEALS, seal, 1, true) and string.byte(head, IS_WRITE_FROM) <= 1
    and string.sub(head, RESERVED_FROM, RESERVED_TO) == RESERVED_ZEROS
  if string.find(STATES, found, 1, true) and is_known and is_whole then
    state, holder = found, string.sub(head, LEASE_FROM, LEASE_TO)
    soft, refresh = struct.unpack('<I8I8', string.sub(head, SOFT_FROM, REFRESH_TO))
  end
end
