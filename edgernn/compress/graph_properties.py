"""What can be counted about a random graph before any net is trained on it.

The properties are those that Darji 2021 (arXiv:2407.20601) sets beside accuracy, by its names. All
but those of the layers are of the undirected graph; `_var` is the variance over nodes or edges.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable

from edgernn.compress.random_graphs import Graph, layered, networkx


def graph_properties(graph: Graph) -> dict[str, float]:
    """Name to value, lengths in edges. The graph is a connected networkx.Graph.

    source_nodes, sink_nodes: nodes of the first and the last layer, as the thesis counts them;
    all_sinks: nodes that no edge leaves, in whatever layer.

    Raises: MissingExtra without networkx; ModelError for a graph without nodes.
    """
    nx = networkx()
    wiring = layered(graph)
    nodes, edges = graph.number_of_nodes(), graph.number_of_edges()
    eccentricity = nx.eccentricity(graph)
    return {
        "layers": len(wiring.layers),
        "nodes": nodes,
        "edges": edges,
        "source_nodes": len(wiring.layers[0]),
        "sink_nodes": len(wiring.layers[-1]),
        "all_sinks": sum(map(wiring.sinks, range(len(wiring.layers)))),
        "diameter": max(eccentricity.values()),
        "density": edges / (nodes * (nodes - 1)) if nodes > 1 else 0.0,
        "average_shortest_path_length": nx.average_shortest_path_length(graph),
        **_spread("eccentricity", eccentricity.values()),
        **_spread("degree", nx.degree_centrality(graph).values()),
        **_spread("closeness", nx.closeness_centrality(graph).values()),
        **_spread("nodes_betweenness", nx.betweenness_centrality(graph).values()),
        **_spread("edge_betweenness", nx.edge_betweenness_centrality(graph).values()),
    }


def _spread(name: str, values: Iterable[float]) -> dict[str, float]:
    """Mean and sample variance (0 of a single value)."""
    found = [float(value) for value in values] or [0.0]
    variance = statistics.variance(found) if len(found) > 1 else 0.0
    return {f"{name}_mean": statistics.fmean(found), f"{name}_var": variance}
