/* A record with all that the end of a connection can have, for the tests of records. */
#pragma once

#include "core/record.h"

struct record example_record(void);
