-- Appends messages of 200 bytes to 1000 conversations per thread of wrk. An argument is the mean
-- time in ms from one request of a connection to its next.
local threads = 0

function setup(thread)
    thread:set("number", threads)
    threads = threads + 1
end

local body = '{"role":"user","content":"' .. string.rep("x", 200) .. '"}'
local headers = {["Content-Type"] = "application/json"}
local requests, count = {}, 0

function init(args)
    for i = 0, 999 do
        local path = "/conversations/c-" .. number .. "-" .. i .. "/messages?require_session=false"
        requests[i] = wrk.format("POST", path, headers, body)
    end
    local mean = tonumber(args[1])
    if mean then
        math.randomseed(number + 1)
        delay = function()
            return math.floor(math.random() * 2 * mean + 0.5)
        end
    end
end

function request()
    count = count + 1
    return requests[count % 1000]
end
