/* 80_views */
