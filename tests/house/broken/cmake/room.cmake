set(BANTAM_ROOM_ORDER base nn)
