-- Keeps a value from expiring while it is reloaded; its fresh life ends as it would have.
local function outlive(lease)
  local left = redis.call('PTTL', KEYS[1])
  if left >= 0 and left < lease then
    if soft == 0 then soft = now + left end
    redis.call('PEXPIRE', KEYS[1], lease)
  end
  redis.call('SETRANGE', KEYS[1], SOFT_AT, struct.pack('<I8I8', soft, now + lease))
end
