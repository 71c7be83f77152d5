terraform import sluice_cluster.shop shop
