/* 70_data_quiet_hours */
