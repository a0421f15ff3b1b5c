-- Counts requests in one or more sessions; the argument is how many.
local headers = {["Content-Type"] = "application/json"}
local body = '{"increment_requests":true,"add_processing_time":0.25}'
local requests, sessions, count = {}, 1, 0

function init(args)
    sessions = tonumber(args[1])
    for i = 0, sessions - 1 do
        requests[i] = wrk.format("PATCH", "/sessions/s-" .. i, headers, body)
    end
    math.randomseed(os.time())
    count = math.random(sessions)
end

function request()
    count = count + 1
    return requests[count % sessions]
end
