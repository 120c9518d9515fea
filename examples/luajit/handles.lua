-- Handles for objects of Lua, by the C interface as it is. C gets a word; the table keeps a number, by which Lua finds the object.
-- A number of Lua is a double and loses bits of a word. Words therefore stay uintptr_t, which LuaJIT represents exactly.

local ffi = require("ffi")

ffi.cdef([[
typedef struct haft_type {
  const char *name, *identity;
  void (*destroy)(void *object);
  size_t size, alignment;
} haft_type;
int haft_new(void *object, const haft_type *type, uintptr_t *handle);
int haft_value(uintptr_t handle, const haft_type *type, void **object);
int haft_delete(uintptr_t handle, const haft_type *type);
const char *haft_strerror(int status);
size_t haft_describe(uintptr_t handle, char *text, size_t size);
]])
local haft = ffi.load("libhaft.so.0")

local handles = {}
local type_of_lua = ffi.new("haft_type", { name = "Lua" })
local objects, free = {}, {} -- by number; numbers that may be used again

-- Raises the error that Haft has for a status and a word.
local function check(status, word)
  if status == 0 then return end
  local text = ffi.new("char[1000]")
  haft.haft_describe(word, text, 1000)
  error(("%s (%s)"):format(ffi.string(haft.haft_strerror(status)), ffi.string(text)), 0)
end

-- Returns a word for the object.
function handles.new(object)
  local number, word = table.remove(free) or #objects + 1, ffi.new("uintptr_t[1]")
  check(haft.haft_new(ffi.cast("void *", number), type_of_lua, word), 0)
  objects[number] = object
  return word[0]
end

local function number_of(word)
  local number = ffi.new("void *[1]")
  check(haft.haft_value(word, type_of_lua, number), word)
  return tonumber(ffi.cast("uintptr_t", number[0]))
end

-- Returns the object of a word, or raises an error that says why there is none.
function handles.value(word) return objects[number_of(word)] end

-- Ends a word. It is stale from now on.
function handles.delete(word)
  local number = number_of(word)
  check(haft.haft_delete(word, type_of_lua), word)
  objects[number] = false
  table.insert(free, number)
end

return handles
