#include "crdt/rocks_store.h"
