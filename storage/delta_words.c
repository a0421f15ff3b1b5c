/* delta_words.c - delta_words of delta.h. What stands later is cheaper to refer to. */
#include "delta.h"

#define BIN "\xb1" /* length bytes of msgpack, as they precede these names */

static const char words[] =
    "{\"type\": \"constructor\", \"lc\": 1, \"kwargs\": {\"content\": \"\", \"error\": null, "
    "\"source\": \"loop\", \"step\": , \"parents\": {}, \"writes\": null, \"thread_id\": \"\", "
    "\"run_id\": \"\", \"checkpoint_ns\": \"\"}\"metadata\":{},\"messages\":[{\"role\":\"user\","
    "\"content\":\"\"},{\"role\":\"assistant\",\"content\":\"\"},{\"role\":\"system\"}],\"name\":\"\","
    "\"created_at\":\"\",\"status\":\"\",true,false,null"
    "__start____input____interrupt____resume____pregel_tasks__error__scheduled__pregel_pull, "
    "__pregel_push, branch:to:agent tools route usage "
    "{\"v\":4,\"id\":\"1f0\",\"ts\":\"2026-01-01T00:00:00.000000+00:00\",\"channel_versions\":{"
    "\"__start__\":\"00000000000000000000000000000001.0\",\"messages\":\"00000000000000000000000000000002.0\","
    "\"branch:to:agent\":\"00000000000000000000000000000003.0\"},\"versions_seen\":{\"__input__\":{},"
    "\"__start__\":{\"__start__\":\"0000000000000000000000000000000\"}},\"updated_channels\":[\""
    "langchain_core.messages.tool\xabToolMessage\x89\xacname\xactool_call_id\xa8"
    "artifact\xc0\xa6status\xa7success\xb3model_validate_json"
    "\xbelangchain_core.messages.system\xadSystemMessage\x86"
    "\xb2langgraph.types\xa4Send\xa5Interrupt\xa5value\xa2id\xa9"
    "interrupts"
    "\xbalangchain_core.messages.ai\xa9"
    "AIMessage\x89\xa7"
    "content\xa2" BIN "additional_kwargs\x80" BIN
    "response_metadata\x82\xaamodel_name\xadmodel_provider\xa6openai"
    "\xad"
    "finish_reason\xa4stop\xaatool_calls\xabtoken_usage\xa4type\xa2"
    "ai\xa4name\xc0\xa2id\xd9$run-"
    "\xaatool_calls\x91\x84\xa4name\xa6search\xa4"
    "args\x81\xa2id\xd9!call_\xa4type\xa9tool_call"
    "\xb2invalid_tool_calls\x90\xaeusage_metadata\x83\xacinput_tokens\xadoutput_tokens"
    "\xactotal_tokens\xb3model_validate_json"
    "\xbelangchain_core.messages.human\xacHumanMessage\x86"
    "\x05\x94\xbalangchain_core.messages.ai\xa9"
    "AIMessage\x89\xa7"
    "content\xda\x01" BIN "additional_kwargs\x80" BIN "response_metadata\x80\xa4type\xa2"
    "ai\xa4name\xc0\xa2id\xd9$"
    "\xaatool_calls\x90\xb2invalid_tool_calls\x90\xaeusage_metadata\xc0\xb3model_validate_json"
    "\x91\xc8\x02\x05\x94\xbdlangchain_core.messages.human\xacHumanMessage\x86\xa7"
    "content\xda\x01" BIN "additional_kwargs\x80" BIN
    "response_metadata\x80\xa4type\xa5human\xa4name\xc0\xa2id\xd9$"
    "\xb3model_validate_json";

const struct slice delta_words = {words, sizeof(words) - 1};
