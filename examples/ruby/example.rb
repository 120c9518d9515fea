# The C library's qsort_r calls back with a handle of a lambda.

require_relative "handles"

module C
  extend Fiddle::Importer
  dlload Fiddle::Handle::DEFAULT
  extern "void qsort_r(void *base, size_t count, size_t size, void *compare, uintptr_t user_data)"
end

# A closure must not be collected while C has it. An exception must not leave it, because there are frames of C below. C may call it
# on a thread that has the lock of the interpreter only.
$problem = nil
ARGUMENTS = [Fiddle::TYPE_VOIDP, Fiddle::TYPE_VOIDP, Fiddle::TYPE_UINTPTR_T]
COMPARE = Fiddle::Closure::BlockCaller.new(Fiddle::TYPE_INT, ARGUMENTS) do |a, b, word|
  Handles.value(word).call(a[0, 4].unpack1("l"), b[0, 4].unpack1("l"))
rescue StandardError => error
  $problem = error.message
  0
end

def sort(word)
  numbers = [2, 3, 1].pack("l3")
  $problem = nil
  C.qsort_r(numbers, 3, 4, COMPARE, word)
  $problem || numbers.unpack("l3").join(" ")
end

up = Handles.new(->(a, b) { a - b })
down = Handles.new(->(a, b) { b - a })
puts sort(up)
puts sort(down)
Handles.delete(up)
puts sort(up)
begin
  Handles.delete(up)
rescue Handles::Error => error
  puts error.message
end
puts sort(0x8000000000000001)

# A handle of a type that is not Ruby's, such as C libraries have.
type = Handles::Haft::Type.malloc(Fiddle::RUBY_FREE)
name = Fiddle::Pointer["C's"]
type.name = name
type.identity = type.destroy = nil
type.size = type.alignment = 0
place = "\0" * Fiddle::SIZEOF_VOIDP
Handles::Haft.haft_new(nil, type, place).zero? or abort
word = place.unpack1("J")
puts sort(word)
Handles::Haft.haft_delete(word, type)

puts sort(down)
Handles.delete(down)
