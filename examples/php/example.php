<?php
// The C library's qsort_r calls back with a handle of a function of PHP.

declare(strict_types=1);

require __DIR__ . '/Handles.php';

$c = FFI::cdef('void qsort_r(int *base, size_t count, size_t size,
                             int (*compare)(int *, int *, uintptr_t user_data), uintptr_t user_data);');
$handles = new Handles();
$problem = null;

// An exception must not leave the callback, because there are frames of C below. C may call it on the thread of PHP only.
$compare = function ($a, $b, int $word) use ($handles, &$problem): int {
    try {
        return $handles->value($word)($a[0], $b[0]);
    } catch (Throwable $error) {
        $problem = $error->getMessage();
        return 0;
    }
};

$sort = function (int $word) use ($c, $compare, &$problem): string {
    $numbers = FFI::new('int[3]');
    [$numbers[0], $numbers[1], $numbers[2]] = [2, 3, 1];
    $problem = null;
    $c->qsort_r(FFI::addr($numbers[0]), 3, 4, $compare, $word);
    return $problem ?? "$numbers[0] $numbers[1] $numbers[2]";
};

$up = $handles->new(fn (int $a, int $b): int => $a - $b);
$down = $handles->new(fn (int $a, int $b): int => $b - $a);
echo $sort($up), "\n", $sort($down), "\n";
$handles->delete($up);
echo $sort($up), "\n";
try {
    $handles->delete($up);
} catch (HandleError $error) {
    echo $error->getMessage(), "\n";
}
echo $sort(PHP_INT_MIN + 1), "\n"; // 0x8000000000000001

// A handle of a type that is not PHP's, such as C libraries have.
$haft = $handles->haft;
$type = $haft->new('haft_type');
$word = $haft->new('uintptr_t');
$haft->haft_new(0, FFI::addr($type), FFI::addr($word)) === 0 || exit(1);
echo $sort($word->cdata), "\n";
$haft->haft_delete($word->cdata, FFI::addr($type));

echo $sort($down), "\n";
$handles->delete($down);
