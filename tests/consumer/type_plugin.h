// The types and the functions of the shared libraries of type_plugin.cc.

#ifndef TESTS_CONSUMER_TYPE_PLUGIN_H_
#define TESTS_CONSUMER_TYPE_PLUGIN_H_

#include "haft/haft.h"

namespace haft::testing {

// The types of objects that the two plugins A and B create.
enum class PluginType {
  kShared,            // one type, from a header
  kSharedTemplate,    // the same, of a template
  kStandard,          // std::string
  kOfAnotherSize,     // two global types of one name
  kAlignedOtherwise,  // the same, of one size
  kLocal,             // local types of two `static` functions of one signature
  kInUnnamedNamespace,
  kLambda,
  kUnnamed,
  kTemplateOfLocal,
  kDeclared,             // one type, with a declared name
  kDeclaredInNamespace,  // the same, though each is in an unnamed namespace
  kDeclaredAndResized,   // a declared name, and another size
  kOfAnotherVersion,     // one global name, and two declared ones
  kCount
};

// Returns the handle of a new object.
using NewOfType = haft_handle(PluginType type);
// Returns whether the handle is of an object of this type.
using CheckType = haft_status(PluginType type, haft_handle handle);

}  // namespace haft::testing

#endif  // TESTS_CONSUMER_TYPE_PLUGIN_H_
