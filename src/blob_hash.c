/* blob_hash.c - see blob_hash.h. */
#include "blob_hash.h"

#define XXH_STATIC_LINKING_ONLY /* for a hash state on the stack */
#include <xxhash.h>
#ifdef __x86_64__
#include <xxh_x86dispatch.h> /* takes the widest registers that the processor has */
#endif

void blob_hash(struct slice type, struct slice bytes, uint8_t hash[BLOB_HASH_LEN])
{
    XXH128_canonical_t canonical;
    XXH3_state_t state;

    XXH3_128bits_reset(&state);
    XXH3_128bits_update(&state, type.at, type.len);
    XXH3_128bits_update(&state, "", 1);
    XXH3_128bits_update(&state, bytes.at, bytes.len);
    XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(&state));
    _Static_assert(sizeof(canonical.digest) == BLOB_HASH_LEN, "128 bits");
    memcpy(hash, canonical.digest, BLOB_HASH_LEN);
}

int64_t blob_key(struct slice channel, struct slice version)
{
    XXH3_state_t state;

    XXH3_64bits_reset(&state);
    XXH3_64bits_update(&state, channel.at, channel.len);
    XXH3_64bits_update(&state, "", 1);
    XXH3_64bits_update(&state, version.at, version.len);
    return (int64_t)XXH3_64bits_digest(&state);
}
