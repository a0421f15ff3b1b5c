/* session_json.c - see session_json.h. */
#include "session_json.h"

#include "json.h"

void session_json(struct text *t, const struct session *s)
{
    json_open(t, '{');
    json_member_string(t, "session_id", s->id);
    json_member_string(t, "user_id", s->user_id);
    json_member_time(t, "created_at", s->created_us);
    json_member_time(t, "updated_at", s->updated_us);
    json_member_time(t, "last_activity_at", s->last_activity_us);
    json_member_string(t, "status", s->status);
    json_member_raw(t, "metadata", s->metadata);
    json_key(t, "metrics");
    json_open(t, '{');
    json_member_int(t, "request_count", s->request_count);
    json_key(t, "total_processing_time");
    json_double(t, s->total_processing_time);
    json_member_int(t, "error_count", s->error_count);
    json_close(t, '}');
    json_member_int(t, "version", s->version);
    json_close(t, '}');
}
