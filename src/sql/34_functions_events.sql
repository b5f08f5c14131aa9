/* 34_functions_events */
