// Includes a room that stands above its own: the check must say so.
#include "bantam/nn/decoder.h"
