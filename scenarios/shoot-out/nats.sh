exec nats-server -a 127.0.0.1 -p 18832 -js -sd "$C2M_DATA"
