// The C library's qsort_r calls back with a handle of a delegate.

using System;
using System.Runtime.InteropServices;

public static class Example {
  [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
  delegate int Compare(IntPtr a, IntPtr b, UIntPtr userData);

  [DllImport("libc.so.6")]
  static extern void qsort_r([In, Out] int[] numbers, UIntPtr count, UIntPtr size, Compare compare, UIntPtr userData);

  static readonly Handles<Func<int, int, int>> orders = new Handles<Func<int, int, int>>();
  static string problem;

  // A delegate must not be collected while C has it: this field keeps it. An exception must not leave it, because there are
  // frames of C below. C may call it on any thread.
  static readonly Compare compare = (a, b, word) => {
    try {
      return orders.Value(word)(Marshal.ReadInt32(a), Marshal.ReadInt32(b));
    } catch (Exception e) {
      problem = e.Message;
      return 0;
    }
  };

  static string Sort(UIntPtr word) {
    int[] numbers = { 2, 3, 1 };
    problem = null;
    qsort_r(numbers, (UIntPtr)3, (UIntPtr)sizeof(int), compare, word);
    return problem ?? string.Join(" ", numbers);
  }

  public static void Main() {
    UIntPtr up = orders.New((a, b) => a.CompareTo(b));
    UIntPtr down = orders.New((a, b) => b.CompareTo(a));
    Console.WriteLine(Sort(up));
    Console.WriteLine(Sort(down));
    orders.Delete(up);
    Console.WriteLine(Sort(up));
    try {
      orders.Delete(up);
    } catch (HandleException e) {
      Console.WriteLine(e.Message);
    }
    Console.WriteLine(Sort((UIntPtr)0x8000000000000001));
    Console.WriteLine(Sort(new Handles<string>().New("no function")));
    Console.WriteLine(Sort(down));
    orders.Delete(down);
  }
}
