-- A connection that has read a key is told when that key changes, and a delete of what is not there changes nothing.
-- A generation may have vanished without a word (`SWAPDB`, a replica that is filled anew), and be known to processes.
-- So it is put there first; it is gone again when the script ends.
local function remove(key)
  if redis.call('UNLINK', key) == 0 then
    redis.call('SET', key, '', 'PX', 1)
    redis.call('UNLINK', key)
  end
end
