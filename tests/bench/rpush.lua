-- What append.lua does, as commands of webdis.
local threads = 0

function setup(thread)
    thread:set("number", threads)
    threads = threads + 1
end

local text = string.rep("x", 200)
local count = 0

function request()
    count = count + 1
    return wrk.format("POST", "/", {}, "RPUSH/c-" .. number .. "-" .. count % 1000 .. "/" .. text)
end
