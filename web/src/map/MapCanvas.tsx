// The map itself: MapLibre underneath, deck.gl layers between ground and labels, camera in and out.
import 'maplibre-gl/dist/maplibre-gl.css';
import type { Layer as DeckLayer, PickingInfo } from '@deck.gl/core';
import { MapLibreOverlay } from '@deck.gl/maplibre';
import { Map as MapLibre, type StyleSpecification } from 'maplibre-gl';
import { type ReactNode, type Ref, useEffect, useImperativeHandle, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { styleUrl } from './basemaps';
import { type BasemapId, GROUND } from './document/create';
import styles from './MapCanvas.module.css';

export type View = { longitude: number; latitude: number; zoom: number; pitch: number; bearing: number };
export type Bounds = readonly [number, number, number, number];

export type MapHandle = {
  fit: (bounds: Bounds) => void;
  zoomBy: (steps: number) => void;
  view: () => View | null;
};

export type Picked = {
  layerId: string;
  properties: Record<string, unknown>;
  longitude: number;
  latitude: number;
  x: number;
  y: number;
};

/** Where layers go: under which basemap layer, and on which map, counted from 1 (deck.gl's layers live once). */
export type LayerPlace = { beforeId: string | undefined; map: number };

type Props = {
  basemap: BasemapId;
  hasLabels: boolean;
  initialView: View;
  /** West, south, east, north: wins over `initialView` when given. */
  initialBounds?: Bounds | null;
  /** Asked at every render; the same list again means that nothing changed. */
  layers: (place: LayerPlace) => DeckLayer[];
  onViewChange?: (view: View) => void;
  onPick?: (picked: Picked | null) => void;
  onAttribution?: (attributions: string[]) => void;
  /** Gets a small picture (a data URL) whenever everything is drawn and at rest. */
  onPicture?: (url: string) => void;
  handle?: Ref<MapHandle>;
  label: string;
  children?: ReactNode;
};

const PADDING = 56;
/** So many pixels beside a point still hit it. */
const PICKING_RADIUS = 4;

function viewOf(map: MapLibre): View {
  const center = map.getCenter().wrap();
  return {
    longitude: center.lng,
    latitude: center.lat,
    zoom: map.getZoom(),
    pitch: map.getPitch(),
    bearing: map.getBearing(),
  };
}

/** deck.gl goes under the first text of the basemap: labels stay readable. */
function firstLabel(map: MapLibre): string | undefined {
  return map.getStyle()?.layers?.find((layer) => layer.type === 'symbol')?.id;
}

function boundsOf([west, south, east, north]: Bounds): [[number, number], [number, number]] {
  return [
    [west, Math.max(-85, south)],
    [east, Math.min(85, north)],
  ];
}

/** A style of nothing but ground. */
function groundStyle(color: string): StyleSpecification {
  return {
    version: 8,
    sources: {},
    layers: [{ id: 'ground', type: 'background', paint: { 'background-color': color } }],
  };
}

const PICTURE = { width: 560, height: 240 };

/** The middle of the map, small; only while a frame is on the canvas, which is in the frame that draws it. */
function pictureOf(canvas: HTMLCanvasElement): string {
  const scale = Math.max(PICTURE.width / canvas.width, PICTURE.height / canvas.height);
  const [width, height] = [PICTURE.width / scale, PICTURE.height / scale];
  const small = Object.assign(document.createElement('canvas'), PICTURE);
  const [left, top] = [(canvas.width - width) / 2, (canvas.height - height) / 2];
  small.getContext('2d')?.drawImage(canvas, left, top, width, height, 0, 0, PICTURE.width, PICTURE.height);
  return small.toDataURL('image/webp', 0.8);
}

function attributionsOf(map: MapLibre): string[] {
  const sources = Object.keys(map.getStyle()?.sources ?? {});
  const texts = sources.map((id) => (map.getSource(id) as { attribution?: string } | undefined)?.attribution);
  return [...new Set(texts.filter((text): text is string => Boolean(text)))];
}

function pickedOf(info: PickingInfo | null): Picked | null {
  const object = info?.object as { properties?: Record<string, unknown> } | undefined;
  if (!object || !info?.layer || !info.coordinate) return null;
  return {
    layerId: info.layer.id,
    properties: object.properties ?? {},
    longitude: info.coordinate[0]!,
    latitude: info.coordinate[1]!,
    x: info.x,
    y: info.y,
  };
}

export function MapCanvas(props: Props) {
  const { basemap, hasLabels, layers, label, children, handle } = props;
  const { t } = useTranslation();
  const container = useRef<HTMLDivElement>(null);
  const map = useRef<MapLibre | null>(null);
  const overlay = useRef<MapLibreOverlay | null>(null);
  const latest = useRef(props);
  latest.current = props;
  const [beforeId, setBeforeId] = useState<string | undefined>();
  const [isReady, setReady] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const [isBasemapMissing, setBasemapMissing] = useState(false);
  const url = styleUrl(basemap, hasLabels);
  const shownUrl = useRef(url);
  const drawn = useRef<DeckLayer[] | null>(null);
  const madeCount = useRef(0);

  useEffect(() => {
    const { initialView, initialBounds } = latest.current;
    let made: MapLibre;
    try {
      made = new MapLibre({
        container: container.current!,
        style: shownUrl.current,
        center: [initialView.longitude, initialView.latitude],
        zoom: initialView.zoom,
        pitch: initialView.pitch,
        bearing: initialView.bearing,
        ...(initialBounds
          ? { bounds: boundsOf(initialBounds), fitBoundsOptions: { padding: PADDING, maxZoom: 15 } }
          : {}),
        attributionControl: false,
        fadeDuration: window.matchMedia('(prefers-reduced-motion: reduce)').matches ? 0 : 200,
        maxZoom: 22,
        dragRotate: true,
      });
    } catch (error) {
      setProblem((error as Error).message);
      return;
    }
    map.current = made;
    madeCount.current += 1;
    const deck = new MapLibreOverlay({
      interleaved: true,
      layers: [],
      pickingRadius: PICKING_RADIUS,
      getCursor: ({ isDragging, isHovering }) => (isDragging ? 'grabbing' : isHovering ? 'pointer' : 'grab'),
      onHover: (info) => {
        made.getCanvas().style.cursor = info.object ? 'pointer' : '';
      },
      // Says when what should be seen is drawn: for tests, and for whoever takes pictures of pages.
      onAfterRender: () => {
        const all = drawn.current ?? [];
        made.getContainer().dataset.drawn = String(all.length > 1 && all.every((layer) => layer.isLoaded));
      },
    });
    overlay.current = deck;
    made.on('style.load', () => {
      if (!made.hasControl(deck)) made.addControl(deck);
      setBeforeId(firstLabel(made));
      setReady(true);
    });
    // Data without a basemap is better than no map: the ground alone, and a word about it.
    made.on('error', (event) => {
      const isStyle =
        !made.getStyle() && (event as { error?: { url?: string } }).error?.url?.includes('style.json');
      if (!isStyle) return;
      setBasemapMissing(true);
      made.setStyle(groundStyle(GROUND[latest.current.basemap]));
    });
    // The overlay takes its place only while no source is loading: offer it again until it has one.
    const settle = () => {
      const isPlaced = made.getLayersOrder().some((id) => id.startsWith('deck-maplibre'));
      if (drawn.current && !isPlaced) deck.setProps({ layers: drawn.current });
    };
    made.on('sourcedata', settle);
    made.on('idle', settle);
    made.on('idle', () => latest.current.onAttribution?.(attributionsOf(made)));
    made.on('idle', () => {
      if (made.getContainer().dataset.drawn === 'true')
        latest.current.onPicture?.(pictureOf(made.getCanvas()));
    });
    // deck.gl's own click gives up when looking up what was pressed takes longer than a tap may last.
    made.on('click', ({ point }) => {
      if (!made.hasControl(deck)) return;
      latest.current.onPick?.(pickedOf(deck.pickObject({ x: point.x, y: point.y, radius: PICKING_RADIUS })));
    });
    made.on('moveend', () => latest.current.onViewChange?.(viewOf(made)));
    const observer = new ResizeObserver(() => made.resize());
    observer.observe(container.current!);
    // For tests and support: the one map of the page, by the element that holds it.
    (container.current as unknown as { gromaMap: MapLibre }).gromaMap = made;
    return () => {
      observer.disconnect();
      made.remove();
      map.current = null;
      overlay.current = null;
      drawn.current = null;
      setReady(false);
    };
  }, []);

  useEffect(() => {
    map.current?.getCanvas().setAttribute('aria-label', label);
  }, [label]);

  useEffect(() => {
    if (shownUrl.current === url || !map.current) return;
    shownUrl.current = url;
    map.current.setStyle(url, { diff: false });
  }, [url]);

  useEffect(() => {
    if (!isReady) return;
    const next = layers({ beforeId, map: madeCount.current });
    if (next === drawn.current) return;
    drawn.current = next;
    overlay.current?.setProps({ layers: next });
  });

  useImperativeHandle(
    handle,
    (): MapHandle => ({
      fit: (bounds) =>
        map.current?.fitBounds(boundsOf(bounds), { padding: PADDING, maxZoom: 15, duration: 600 }),
      zoomBy: (steps) => map.current?.zoomTo(map.current.getZoom() + steps, { duration: 180 }),
      view: () => (map.current ? viewOf(map.current) : null),
    }),
    [],
  );

  return (
    <div className={styles.canvas}>
      <div ref={container} className={styles.map} data-testid="map" />
      {problem ? (
        <div className={styles.problem} role="alert">
          <strong>{t('map.cannotDraw')}</strong>
          <span>{problem}</span>
        </div>
      ) : null}
      {isBasemapMissing ? <p className={styles.noBasemap}>{t('map.noBasemap')}</p> : null}
      {children}
    </div>
  );
}
