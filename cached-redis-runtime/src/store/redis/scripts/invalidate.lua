-- KEYS: generations, in the order in which they are to go.
for _, key in ipairs(KEYS) do remove(key) end
return 1
