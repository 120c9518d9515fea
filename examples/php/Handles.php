<?php
// Handles for objects of PHP, by the C interface as it is. C gets a word; the table keeps a number, by which PHP finds the object.
// An int of PHP has 64 bits with a sign, so a word of which the highest bit is set is a negative number. No bit is lost.

declare(strict_types=1);

final class HandleError extends RuntimeException {}

final class Handles
{
    public readonly FFI $haft;
    private FFI\CData $type;
    private FFI\CData $name; // memory that lasts as long as the type does
    private array $objects = [];
    private int $last = 0;

    public function __construct()
    {
        $this->haft = FFI::cdef(<<<'C'
            typedef struct haft_type {
              const char *name, *identity;
              void (*destroy)(void *object);
              size_t size, alignment;
            } haft_type;
            int haft_new(uintptr_t object, const haft_type *type, uintptr_t *handle);
            int haft_value(uintptr_t handle, const haft_type *type, uintptr_t *object);
            int haft_delete(uintptr_t handle, const haft_type *type);
            const char *haft_strerror(int status);
            size_t haft_describe(uintptr_t handle, char *text, size_t size);
            C, 'libhaft.so.0');
        $this->name = FFI::new('char[4]');
        FFI::memcpy($this->name, "PHP\0", 4);
        $this->type = $this->haft->new('haft_type');
        $this->type->name = FFI::cast('char *', FFI::addr($this->name));
    }

    /** Returns a word for the object. */
    public function new(mixed $object): int
    {
        $word = $this->haft->new('uintptr_t');
        $this->check($this->haft->haft_new(++$this->last, FFI::addr($this->type), FFI::addr($word)), 0);
        $this->objects[$this->last] = $object;
        return $word->cdata;
    }

    /** Returns the object of a word, or throws an error that says why there is none. */
    public function value(int $word): mixed
    {
        return $this->objects[$this->number($word)];
    }

    /** Ends a word. It is stale from now on. */
    public function delete(int $word): void
    {
        $number = $this->number($word);
        $this->check($this->haft->haft_delete($word, FFI::addr($this->type)), $word);
        unset($this->objects[$number]);
    }

    private function number(int $word): int
    {
        $number = $this->haft->new('uintptr_t');
        $this->check($this->haft->haft_value($word, FFI::addr($this->type), FFI::addr($number)), $word);
        return $number->cdata;
    }

    private function check(int $status, int $word): void
    {
        if ($status === 0) {
            return;
        }
        $text = FFI::new('char[1000]');
        $length = $this->haft->haft_describe($word, $text, 1000);
        $what = $this->haft->haft_strerror($status);
        throw new HandleError("$what (" . FFI::string($text, $length) . ')');
    }
}
