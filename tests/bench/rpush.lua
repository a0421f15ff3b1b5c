-- What append.lua does, as commands of webdis.
local threads = 0

function setup(thread)
    thread:set("number", threads)
    threads = threads + 1
end

local text = string.rep("x", 200)
local requests, count = {}, 0

function init()
    for i = 0, 999 do
        requests[i] = wrk.format("POST", "/", {}, "RPUSH/c-" .. number .. "-" .. i .. "/" .. text)
    end
end

function request()
    count = count + 1
    return requests[count % 1000]
end
