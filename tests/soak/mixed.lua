-- Requests of many kinds, right and wrong, on a thousand sessions; what is stored stays bounded.
local json = {["Content-Type"] = "application/json"}
local text = string.rep("x", 600)
local n = 0
local seed

function setup(thread)
    seed = (seed or 0) + 1
    thread:set("first", seed * 499)
end

local kinds = {
    function(id) return wrk.format("GET", "/sessions/" .. id) end,
    function(id) return wrk.format("PATCH", "/sessions/" .. id, json, '{"increment_requests": true}') end,
    function(id) return wrk.format("GET", "/conversations/" .. id .. "/messages") end,
    function(id)
        return wrk.format("POST", "/conversations/" .. id .. "/messages", json,
            '{"role": "user", "content": "' .. text .. '"}')
    end,
    function(id) return wrk.format("GET", "/health/live") end,
    function(id)
        return wrk.format("PUT", "/checkpoints/" .. id .. "/" .. n % 8, json,
            '{"checkpoint_data": {"a": "' .. text .. '"}}')
    end,
    function(id) return wrk.format("GET", "/threads/" .. id .. "/latest") end,
    function(id) return wrk.format("POST", "/conversations/" .. id .. "/messages", json, '{"role": ') end,
    function(id) return wrk.format("GET", "/sessions?limit=3") end,
    function(id) return wrk.format("DELETE", "/conversations/" .. id .. "/messages?keep_last=5") end,
    function(id) return wrk.format("PUT", "/sessions/" .. id, json, '{"user_id": "ann"}') end,
    function(id) return wrk.format("GET", "/nowhere") end,
    function(id) return wrk.format("PUT", "/sessions/" .. id .. "/context", json, '{"context": "' .. text .. '"}') end,
    function(id) return wrk.format("GET", "/sessions/" .. id .. "/context") end,
}

function request()
    n = n + 1
    return kinds[n % #kinds + 1]("s" .. (first + math.floor(n / #kinds)) % 1000)
end
