// The portal's icons, drawn here: NNI's page fetches Microsoft's icon fonts from res.cdn.office.net, which reveals
// every visit, fails without internet, and whose licence forbids shipping them.
'use strict';

// Fluent UI writes <i data-icon-name="ChevronDown">; strokes on 16 × 16.
const STROKES = {
  BarChartHorizontal: 'M2 2v12M2 4h10M2 8h6M2 12h8',
  Blocked2: 'M8 2a6 6 0 1 0 .01 0M3.8 3.8l8.4 8.4',
  BulletedList: 'M2 4h1M2 8h1M2 12h1M6 4h8M6 8h8M6 12h8',
  Calendar: 'M2 4h12v10H2zM2 7h12M5 2v3M11 2v3',
  Cancel: 'M3 3l10 10M13 3L3 13',
  CheckMark: 'M2 8l4 4 8-8',
  ChevronDown: 'M3 6l5 5 5-5',
  ChevronLeft: 'M10 3L5 8l5 5',
  ChevronRight: 'M6 3l5 5-5 5',
  ChevronUp: 'M3 10l5-5 5 5',
  CircleRing: 'M8 2a6 6 0 1 0 .01 0',
  CircleShapeSolid: 'M8 4a4 4 0 1 0 .01 0M8 6a2 2 0 1 0 .01 0M8 8h.01',
  Clear: 'M3 3l10 10M13 3L3 13',
  Completed: 'M8 2a6 6 0 1 0 .01 0M5 8l2 2 4-4',
  Copy: 'M2 2h8v8H2zM6 13v1h8V6h-1',
  DisableUpdates: 'M8 2a6 6 0 1 0 .01 0M6 5v6M10 5v6',
  Equalizer: 'M4 14V7M8 14V3M12 14v-4',
  ErrorBadge: 'M8 2a6 6 0 1 0 .01 0M6 6l4 4M10 6l-4 4',
  Filter: 'M2 3h12L9 9v5l-2-1V9z',
  GripperBarVertical: 'M6 3v10M10 3v10',
  GroupedDescending: 'M2 4h6M2 8h5M2 12h3M12 2v12M9 11l3 3 3-3',
  HomeGroup: 'M2 8l6-5 6 5M4 7v7h8V7',
  Important: 'M8 2v8M8 13v.5',
  Info: 'M8 2a6 6 0 1 0 .01 0M8 7v4M8 4.5v.5',
  LineChart: 'M2 2v12h12M4 11l3-4 3 2 4-5',
  Market: 'M2 13l4-5 3 3 5-7M10 4h4v4',
  MarketDown: 'M2 4l4 5 3-3 5 7M10 13h4V9',
  More: 'M3 8h.5M8 8h.5M13 8h.5',
  Refresh: 'M13 8a5 5 0 1 1-2-4M13 2v3h-3',
  ReminderTime: 'M8 2a6 6 0 1 0 .01 0M8 4v4l3 2',
  RevToggleKey: 'M4 2v12M4 2l8 6-8 6',
  Search: 'M7 2a5 5 0 1 0 .01 0M11 11l4 4',
  SortDown: 'M8 2v12M4 10l4 4 4-4',
  SortUp: 'M8 14V2M4 6l4-4 4 4',
  StackedLineChart: 'M2 2v12h12M4 7l4-3 5 2M4 12l4-3 5 2',
  StatusCircleBlock: 'M8 3a5 5 0 1 0 .01 0M5 8h6',
  StatusCircleCheckmark: 'M5 8l2 2 4-4',
  Tag: 'M2 2h6l6 6-6 6-6-6zM5 5h.01',
  Timer: 'M8 3a5.5 5.5 0 1 0 .01 0M8 5v4M6 1h4',
  Warning: 'M8 2l6.5 12h-13zM8 6v4M8 12v.5',
};

function style() {
  const icons = Object.entries(STROKES).map(([name, strokes]) => {
    const drawing = "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'>" +
      `<path d='${strokes}' fill='none' stroke='black' stroke-width='1.5' stroke-linecap='round'/></svg>`;
    return `i[data-icon-name="${name}" i]::before{--icon:url("data:image/svg+xml,${encodeURIComponent(drawing)}");` +
      'content:"";display:inline-block;width:1rem;height:1rem;vertical-align:middle;background:currentColor;' +
      '-webkit-mask:var(--icon) center/contain no-repeat;mask:var(--icon) center/contain no-repeat}';
  });
  return `i[data-icon-name]{font-family:inherit!important;font-size:0!important}${icons.join('')}`;
}

// Fluent UI's own switch: no text fonts; icon fonts from an empty address (which is never requested).
const SWITCH = 'window.FabricConfig={fontBaseUrl:"",iconBaseUrl:"data:,"}';

function iconsHead() {
  return `<script>${SWITCH}</script><style>${style()}</style>`;
}

module.exports = { iconsHead };
