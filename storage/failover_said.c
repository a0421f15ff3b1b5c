/* failover_said.c - see failover_said.h. */
#include "failover_said.h"

#include "pair_notes.h"
#include "settle.h"

int64_t said_number(struct slice text)
{
    int64_t n = 0;

    for (size_t i = 0; i < text.len && text.at[i] >= '0' && text.at[i] <= '9'; i++)
        n = n * 10 + (text.at[i] - '0');
    return n;
}

struct said said_in(const struct failover *f, bool cross, const struct op_pair_read *read)
{
    struct said said = {
        .pair = pair_note_text(read, "pair"),
        .peer = pair_note_text(read, "peer"),
        .incarnation = read->out.incarnation,
        .seat = pair_note_text(read, "seat"),
        .waits = read->out.n > 0,
        .filled = slice_present(pair_note_text(read, "filled")),
        .alone = slice_present(pair_note_text(read, "alone")),
        .position = read->out.position,
        .beat = said_number(pair_note_text(read, "beat")),
        .peer_beat = said_number(pair_note_text(read, "peer beat")),
        .echo = said_number(pair_note_text(read, "echo")),
        .fill = said_number(pair_note_text(read, "fill")),
        .slack_us = cross ? BEAT_SLACK_US : 0,
    };

    if (!KEEPS(f, RULE_FORGOT)) {
        said.peer = (struct slice){NULL, 0};
        said.peer_beat = 0;
    }
    stamp_observe(said.beat); /* the next beat is later */
    stamp_observe(said.echo);
    stamp_observe(said.fill);
    return said;
}

bool said_forgot(const struct said *store, const struct said *peer)
{
    size_t blank = 0;

    if (store->older || stamp_us(store->beat) < stamp_us(peer->peer_beat) - store->slack_us)
        return true;
    if (!slice_present(peer->peer))
        return false;
    while (blank < peer->peer.len && peer->peer.at[blank] != ' ')
        blank++;
    if (blank == peer->peer.len)
        return true;
    return store->position < said_number(peer->peer) ||
           !slice_equal(store->incarnation,
                        (struct slice){peer->peer.at + blank + 1, peer->peer.len - blank - 1});
}

bool said_lacks(const struct said *store, const struct said *peer)
{
    return !store->filled || peer->alone || said_forgot(store, peer);
}

/* Whether a fallback was the primary before: then it may have counted additions that no entry names. */
static bool has_counted(const struct said *fallback)
{
    return fallback->waits && slice_present(fallback->seat) &&
           !slice_equal(fallback->seat, SEAT_FALLBACK);
}

static bool one_pair(const struct said said[2])
{
    return slice_present(said[PRIMARY].pair) && slice_present(said[FALLBACK].pair) &&
           slice_equal(said[PRIMARY].pair, said[FALLBACK].pair);
}

bool said_must_fill(const struct said said[2])
{
    const struct said *primary = &said[PRIMARY], *fallback = &said[FALLBACK];

    if (!fallback->filled) /* it may hold part of what the primary has forgotten */
        return !primary->filled || said_forgot(primary, fallback);
    return said_lacks(primary, fallback) || has_counted(fallback);
}

bool said_sound(const struct said said[2])
{
    if (one_pair(said))
        return !said_must_fill(said);
    return slice_present(said[PRIMARY].pair) || !said[FALLBACK].filled;
}

bool said_seated(const struct said said[2])
{
    return slice_equal(said[PRIMARY].seat, SEAT_PRIMARY) &&
           slice_equal(said[FALLBACK].seat, SEAT_FALLBACK);
}
