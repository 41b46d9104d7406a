AT(edgernn_spotter_model, block, 0);
AT(edgernn_spotter_model, frame_ms, 24);
AT(edgernn_spotter, threshold, 4);
AT(edgernn_spotter, mean, 24);
AT(edgernn_detection, label, 0);
AT(edgernn_detection, frame, 4);
AT(edgernn_detection, score, 8);
BYTES(edgernn_detection, 12);
