// SPDX-License-Identifier: Apache-2.0
// What this program frees is wiped first: a secret went through many strings and vectors on its
// way (a body, its JSON, hexadecimal digits, a copy of each that grew), and no code can name all
// of them. Linked into the programs alone: a sanitizer has operators of its own.
//
// The usual operator new takes its memory from malloc and aligned_alloc, so free() gives it back.
#include <cstdlib>
#include <malloc.h>
#include <new>
#include <openssl/crypto.h>

namespace {

void wipe_and_free(void *memory) noexcept {
    if (memory != nullptr) {
        OPENSSL_cleanse(memory, malloc_usable_size(memory));
        std::free(memory); // NOLINT(cppcoreguidelines-no-malloc): see above
    }
}

} // namespace

void operator delete(void *memory) noexcept {
    wipe_and_free(memory);
}

void operator delete(void *memory, std::size_t /*size*/) noexcept {
    wipe_and_free(memory);
}

void operator delete(void *memory, std::align_val_t /*alignment*/) noexcept {
    wipe_and_free(memory);
}

void operator delete(void *memory, std::size_t /*size*/, std::align_val_t /*alignment*/) noexcept {
    wipe_and_free(memory);
}

// The forms of arrays, and those of std::nothrow, call these.
