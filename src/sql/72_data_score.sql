/* 72_data_score */
