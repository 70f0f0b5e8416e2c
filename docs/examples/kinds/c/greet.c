#include "greet.h"

/* The file knows where it was compiled; the flags of the kinds keep the folder of the build out of it. */
const char *greet(void) { return "hello from " __FILE__; }
