-- Appends messages of 200 bytes to 1000 conversations per thread of wrk.
local threads = 0

function setup(thread)
    thread:set("number", threads)
    threads = threads + 1
end

local body = '{"role":"user","content":"' .. string.rep("x", 200) .. '"}'
local headers = {["Content-Type"] = "application/json"}
local count = 0

function request()
    count = count + 1
    local path = "/conversations/c-" .. number .. "-" .. count % 1000 .. "/messages?require_session=false"
    return wrk.format("POST", path, headers, body)
end
