# Handles for objects of Ruby, by the C interface as it is. C gets a word; the table keeps a number, by which Ruby finds the
# object. An Integer represents each word exactly.

require "fiddle/import"

module Handles
  module Haft
    extend Fiddle::Importer
    dlload "libhaft.so.0"
    Type = struct ["char *name", "char *identity", "void *destroy", "size_t size", "size_t alignment"]
    extern "int haft_new(void *object, void *type, void *handle)"
    extern "int haft_value(uintptr_t handle, void *type, void *object)"
    extern "int haft_delete(uintptr_t handle, void *type)"
    extern "char *haft_strerror(int status)"
    extern "size_t haft_describe(uintptr_t handle, char *text, size_t size)"
  end

  class Error < StandardError; end

  NAME = Fiddle::Pointer["Ruby"] # memory that lasts as long as the type does
  TYPE = Haft::Type.malloc
  TYPE.name = NAME
  TYPE.identity = TYPE.destroy = nil
  TYPE.size = TYPE.alignment = 0
  @objects = {}
  @last = 0

  class << self
    # Returns a word for the object.
    def new(object)
      number = @last += 1
      word = out { |place| check(Haft.haft_new(number, TYPE, place), 0) }
      @objects[number] = object
      word
    end

    # Returns the object of a word, or raises an error that says why there is none.
    def value(word) = @objects.fetch(number(word))

    # Ends a word. It is stale from now on.
    def delete(word)
      number = number(word)
      check(Haft.haft_delete(word, TYPE), word)
      @objects.delete(number)
    end

    private

    def number(word) = out { |place| check(Haft.haft_value(word, TYPE, place), word) }

    # Returns the word that a function of C has written.
    def out
      place = "\0" * Fiddle::SIZEOF_VOIDP
      yield place
      place.unpack1("J")
    end

    def check(status, word)
      return if status.zero?
      text = "\0" * 1000
      length = Haft.haft_describe(word, text, text.size)
      raise Error, "#{Haft.haft_strerror(status)} (#{text[0, length]})"
    end
  end
end
