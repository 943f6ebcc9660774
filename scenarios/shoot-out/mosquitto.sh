# mosquitto as Debian configures it, with sessions on disk; it writes them down after each change, so that a kill -9 shows
# what it promises and not how long ago it last saved.
cat > "$C2M_DATA/mosquitto.conf" <<END
listener 18831 127.0.0.1
allow_anonymous true
user root
persistence true
persistence_location $C2M_DATA/
autosave_on_changes true
autosave_interval 1
max_queued_messages 0
END
exec mosquitto -c "$C2M_DATA/mosquitto.conf"
