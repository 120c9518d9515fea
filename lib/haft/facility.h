// The former name of haft/process_table.h, kept until version 1.0.

#ifndef HAFT_FACILITY_H_
#define HAFT_FACILITY_H_

#include "haft/process_table.h"

#endif  // HAFT_FACILITY_H_
