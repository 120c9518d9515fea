// Handles for objects of .NET, by the C interface as it is. C gets a word; the table keeps a number, by which .NET finds the
// object.

using System;
using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using System.Text;
using System.Threading;

public sealed class HandleException : Exception {
  public HandleException(string message) : base(message) {}
}

public static class Haft {
  const string Library = "libhaft.so.0";

  [StructLayout(LayoutKind.Sequential)]
  public struct Type {
    public IntPtr Name, Identity, Destroy;
    public UIntPtr Size, Alignment;
  }

  [DllImport(Library)] public static extern int haft_new(IntPtr value, IntPtr type, out UIntPtr handle);
  [DllImport(Library)] public static extern int haft_value(UIntPtr handle, IntPtr type, out IntPtr value);
  [DllImport(Library)] public static extern int haft_delete(UIntPtr handle, IntPtr type);
  [DllImport(Library)] public static extern UIntPtr haft_describe(UIntPtr handle, byte[] text, UIntPtr size);
  [DllImport(Library)] public static extern IntPtr haft_strerror(int status);

  // Returns a type in memory that the collector does not move.
  public static IntPtr NewType(string name) {
    IntPtr type = Marshal.AllocHGlobal(Marshal.SizeOf<Type>());
    Marshal.StructureToPtr(new Type { Name = Marshal.StringToHGlobalAnsi(name) }, type, false);
    return type;
  }
}

// Handles of objects of type T. Every thread may use all of it.
public sealed class Handles<T> {
  readonly IntPtr type = Haft.NewType(typeof(T).Name);
  readonly ConcurrentDictionary<long, T> objects = new ConcurrentDictionary<long, T>();
  long last;

  // Returns a word for the object.
  public UIntPtr New(T value) {
    long number = Interlocked.Increment(ref last);
    objects[number] = value;
    UIntPtr word;
    int status = Haft.haft_new((IntPtr)number, type, out word);
    if (status != 0) objects.TryRemove(number, out value);
    Check(status, word);
    return word;
  }

  // Returns the object of a word, or throws an exception that says why there is none.
  public T Value(UIntPtr word) {
    IntPtr number;
    Check(Haft.haft_value(word, type, out number), word);
    T value;
    if (!objects.TryGetValue((long)number, out value)) throw new HandleException("another thread has just deleted it");
    return value;
  }

  // Ends a word. It is stale from now on.
  public void Delete(UIntPtr word) {
    IntPtr number;
    Check(Haft.haft_value(word, type, out number), word);
    Check(Haft.haft_delete(word, type), word);
    T value;
    objects.TryRemove((long)number, out value);
  }

  static void Check(int status, UIntPtr word) {
    if (status == 0) return;
    byte[] text = new byte[1000];
    ulong length = (ulong)Haft.haft_describe(word, text, (UIntPtr)text.Length);
    string known = Encoding.UTF8.GetString(text, 0, (int)Math.Min(length, (ulong)text.Length - 1));
    throw new HandleException(Marshal.PtrToStringAnsi(Haft.haft_strerror(status)) + " (" + known + ")");
  }
}
