-- Bodies of 256 KB of varied text, to eight places per thread of wrk behind the path of the URL.
local threads = 0

function setup(thread)
    thread:set("number", threads)
    threads = threads + 1
end

local headers = {["Content-Type"] = "application/json"}
local requests, count = {}, 0

function init()
    local words = {}
    for i = 1, 32768 do
        words[i] = string.format("%08x", math.random(0, 2147483647))
    end
    local body = '{"checkpoint_data":{"text":"' .. table.concat(words) .. '"}}'
    for i = 1, 8 do
        requests[i] = wrk.format("PUT", wrk.path .. number .. "/c-" .. i, headers, body)
    end
end

function request()
    count = count + 1
    return requests[count % 8 + 1]
end
