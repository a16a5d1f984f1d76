"""Site lists: GeoJSON, GeoPackage, KML/KMZ, whatever else GDAL reads, or a table with lat/lon or WKT."""

from changedetect.sites.reading import SiteList, SiteOptions, read_site_list, read_sites

__all__ = ["SiteList", "SiteOptions", "read_site_list", "read_sites"]
