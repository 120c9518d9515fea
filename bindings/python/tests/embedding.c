/* A program that starts and ends the interpreter twice. Its arguments are
 * sys.path. It prints what the second import of haft says. */

#include <Python.h>

static int Run(int count, char **paths, const char *program) {
  Py_InitializeEx(0);
  PyObject *const path = PySys_GetObject("path");
  for (int i = 0; i < count; ++i) {
    PyObject *const entry = PyUnicode_DecodeFSDefault(paths[i]);
    if (entry == NULL || PyList_Append(path, entry) != 0) return 1;
    Py_DECREF(entry);
  }
  return PyRun_SimpleString(program) != 0 || Py_FinalizeEx() != 0;
}

int main(int argc, char **argv) {
  return Run(argc - 1, argv + 1,
             "import haft\n"
             "kept = haft.new('kept')\n"
             "print(haft.value(haft.new('first')), flush=True)\n") ||
         Run(argc - 1, argv + 1,
             "try:\n"
             "    import haft\n"
             "except ImportError as error:\n"
             "    print(error)\n"
             "print('end', flush=True)\n");
}
