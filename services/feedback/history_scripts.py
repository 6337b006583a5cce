"""What Redis does at once, in Lua: a reader sees all of it or nothing.

A change of one user travels as JSON [user, [score, member, ...], [seen item, ...], [hidden item, ...]]: one argument
however many there are, because it is arguments that cost the sender time. Key names are made here, so a Redis cluster,
which wants to know them beforehand, is not for these scripts; a primary with replicas is.
"""

from __future__ import annotations

# ARGV[1] is the prefix of all keys. Redis limits how many values Lua hands over in one call: hence the pieces.
_COMMON = """
local prefix = ARGV[1]
local function add(command, key, values)
    for from = 1, #values, 4000 do
        redis.call(command, key, unpack(values, from, math.min(from + 3999, #values)))
    end
end
local function write(user, change, lifetime)
    local history, seen, hidden = prefix .. 'history:' .. user, prefix .. 'seen:' .. user, prefix .. 'hidden:' .. user
    add('ZADD', history, change[2])
    add('SADD', seen, change[3])
    add('SADD', hidden, change[4])
    -- The keys outlive their marker: it never vouches for a key that has gone.
    for _, key in ipairs({history, seen, hidden}) do redis.call('PEXPIRE', key, lifetime + 60000) end
    return history
end
"""

APPLY = (
    _COMMON
    + """
-- ARGV[2]: length of a history; ARGV[3]: JSON array of changes
for _, change in ipairs(cjson.decode(ARGV[3])) do
    local user = change[1]
    -- A rebuild that read the database before these events were committed must not overwrite them: end it.
    redis.call('DEL', prefix .. 'known-token:' .. user)
    -- Without the marker the keys are not complete; the next reader has them rebuilt, with these events.
    local lifetime = redis.call('PTTL', prefix .. 'known:' .. user)
    if lifetime > 0 then
        redis.call('ZREMRANGEBYRANK', write(user, change, lifetime), 0, -1 - ARGV[2])
    end
end
"""
)
"""Add new events to the keys of those users whose keys are complete."""

REPLACE = (
    _COMMON
    + """
-- ARGV[2]: token; ARGV[3]: lifetime of the marker in ms; ARGV[4]: JSON of the one change
local change = cjson.decode(ARGV[4])
local user = change[1]
local known, token = prefix .. 'known:' .. user, prefix .. 'known-token:' .. user
if redis.call('GET', token) ~= ARGV[2] then return 0 end
redis.call('DEL', token, known, prefix .. 'history:' .. user, prefix .. 'seen:' .. user, prefix .. 'hidden:' .. user)
write(user, change, tonumber(ARGV[3]))
redis.call('SET', known, '1', 'PX', ARGV[3])
return 1
"""
)
"""Replace a user's keys by what the database said, unless an event was committed meanwhile."""
