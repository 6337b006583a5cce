"""What Redis does at once, in Lua: a reader sees all of it or nothing.

Keys of one user, in this order: known, the rebuild token, history, seen, hidden.
"""

from __future__ import annotations

# Redis limits how many values Lua hands over in one call.
_ADD = """
local function add(command, key, first, last)
    for from = first, last, 4000 do
        redis.call(command, key, unpack(ARGV, from, math.min(from + 3999, last)))
    end
end
"""

APPLY = (
    _ADD
    + """
-- ARGV: history length, count of history arguments, count of seen items, (score, member)..., seen..., hidden...
-- A rebuild that read the database before these events were committed must not overwrite them: end it.
redis.call('DEL', KEYS[2])
-- Without the marker the keys are not complete; the next reader has them rebuilt, with these events.
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
local history_end = 3 + ARGV[2]
local seen_end = history_end + ARGV[3]
local lifetime = redis.call('PTTL', KEYS[1]) + 60000
add('ZADD', KEYS[3], 4, history_end)
redis.call('ZREMRANGEBYRANK', KEYS[3], 0, -1 - ARGV[1])
add('SADD', KEYS[4], history_end + 1, seen_end)
add('SADD', KEYS[5], seen_end + 1, #ARGV)
for place = 3, 5 do redis.call('PEXPIRE', KEYS[place], lifetime) end
return 1
"""
)
"""Add new events to a user's keys if they are complete."""

REPLACE = (
    _ADD
    + """
-- ARGV: token, lifetime of the marker in ms, count of history arguments, count of seen items, as above
if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[2], KEYS[3], KEYS[4], KEYS[5])
local history_end = 4 + ARGV[3]
local seen_end = history_end + ARGV[4]
add('ZADD', KEYS[3], 5, history_end)
add('SADD', KEYS[4], history_end + 1, seen_end)
add('SADD', KEYS[5], seen_end + 1, #ARGV)
-- The keys outlive their marker: it never vouches for a key that has gone.
for place = 3, 5 do redis.call('PEXPIRE', KEYS[place], ARGV[2] + 60000) end
redis.call('SET', KEYS[1], '1', 'PX', ARGV[2])
return 1
"""
)
"""Replace a user's keys by what the database said, unless an event was committed meanwhile."""
