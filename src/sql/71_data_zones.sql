/* 71_data_zones */
