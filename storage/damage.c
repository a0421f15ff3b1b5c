/* damage.c - see damage.h. */
#include "damage.h"

#include <stdio.h>

enum { NAME_SHOWN = 40 };

/* How much of a name is shown: no part of a character. */
static int shown(struct slice name)
{
    size_t len = name.len < NAME_SHOWN ? name.len : NAME_SHOWN;

    while (len > 0 && len < name.len && ((unsigned char)name.at[len] & 0xC0) == 0x80)
        len--;
    return (int)len;
}

/* Adds "session <id>", behind a comma if it is not the first. */
static void add(char *text, size_t size, const char *what, struct slice name, const char *quote)
{
    size_t len = strlen(text);

    if (slice_present(name))
        snprintf(text + len, size - len, "%s%s %s%.*s%s", len ? ", " : "", what, quote, shown(name),
                 name.at, quote);
}

bool damage_at(const struct damage_place *place, struct err *err)
{
    char text[sizeof(err->text)] = "";

    if (err->kind != ERR_DAMAGED)
        return false;
    add(text, sizeof(text), "session", place->session, "");
    add(text, sizeof(text), "message", place->message, "");
    add(text, sizeof(text), "thread", place->thread, "");
    add(text, sizeof(text), "namespace", place->ns, "'");
    add(text, sizeof(text), "checkpoint", place->checkpoint, "");
    add(text, sizeof(text), "channel", place->channel, "");
    return text[0] ? err_set(err, ERR_DAMAGED, "%s: %s", text, err->text) : false;
}
