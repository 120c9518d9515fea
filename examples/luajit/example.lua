-- The C library's qsort_r calls back with a handle of a function of Lua.

local ffi = require("ffi")
local handles = require("handles")

ffi.cdef([[
typedef int (*compare)(const int *, const int *, void *user_data);
void qsort_r(void *base, size_t count, size_t size, compare compare, void *user_data);
]])

-- A callback lives until free() is called. An error must not leave it, because there are frames of C below. C may call it on the
-- thread of this Lua state only.
local problem
local callback = ffi.cast("compare", function(a, b, user_data)
  local ok, result = pcall(function() return handles.value(ffi.cast("uintptr_t", user_data))(a[0], b[0]) end)
  if ok then return result end
  problem = result
  return 0
end)

local function sort(word)
  local numbers = ffi.new("int[3]", { 2, 3, 1 })
  problem = nil
  ffi.C.qsort_r(numbers, 3, ffi.sizeof("int"), callback, ffi.cast("void *", word))
  return problem or ("%d %d %d"):format(numbers[0], numbers[1], numbers[2])
end

local up = handles.new(function(a, b) return a - b end)
local down = handles.new(function(a, b) return b - a end)
print(sort(up))
print(sort(down))
handles.delete(up)
print(sort(up))
print(select(2, pcall(handles.delete, up)))
print(sort(0x8000000000000001ULL))

-- A handle of a type that is not Lua's, such as C libraries have.
local haft, word = ffi.load("libhaft.so.0"), ffi.new("uintptr_t[1]")
local type_of_c = ffi.new("haft_type", { name = "C's" })
assert(haft.haft_new(nil, type_of_c, word) == 0)
print(sort(word[0]))
haft.haft_delete(word[0], type_of_c)

print(sort(down))
assert(ffi.cast("uintptr_t", tonumber(down)) ~= down) -- why words are no numbers
handles.delete(down)
callback:free()
