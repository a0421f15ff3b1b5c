/* Frames: whatever is taken lies within the body; a frame that was written is read back. */
#include "frame.h"
#include "fuzz.h"

static void read_in_pieces(struct slice body, size_t piece)
{
    struct frame_reader f;
    struct slice part;
    struct err err;
    size_t taken = 0;

    if (!frame_open(body, &f, &err))
        return;
    FUZZ_CHECK(fuzz_within(f.json, body));
    while (frame_take(&f, (int64_t)piece, &part, &err)) {
        FUZZ_CHECK(part.len == piece && (piece == 0 || fuzz_within(part, body)));
        taken += piece;
        if (piece == 0)
            break;
    }
    FUZZ_CHECK(!frame_take(&f, -1, &part, &err));
    FUZZ_CHECK(frame_end(&f, &err) == (4 + f.json.len + taken == body.len));
}

static void round_trip(struct slice json, struct slice raw)
{
    struct arena arena = {0};
    struct frame_writer w = {.arena = &arena};
    struct frame_reader f;
    struct text out;
    struct slice back;
    struct err err;

    text_init(&out, &arena);
    frame_add(&w, raw);
    frame_add(&w, raw);
    frame_finish(&w, json, &out);
    FUZZ_CHECK(!out.failed && frame_open(text_slice(&out), &f, &err));
    FUZZ_CHECK(slice_equal(f.json, json));
    for (int i = 0; i < 2; i++)
        FUZZ_CHECK(frame_take(&f, (int64_t)raw.len, &back, &err) && slice_equal(back, raw));
    FUZZ_CHECK(frame_end(&f, &err));
    arena_done(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice body = fuzz_input(data, size);
    size_t half = size / 2;

    read_in_pieces(body, size ? data[0] % 9u : 0);
    if (size > 1)
        round_trip((struct slice){body.at, half}, (struct slice){body.at + half, size - half});
    return 0;
}
