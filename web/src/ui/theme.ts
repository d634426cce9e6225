// Mantine, dressed as Groma: our tokens as its variables, two control heights, no motion for its own sake.
import {
  type CSSVariablesResolver,
  createTheme,
  defaultVariantColorsResolver,
  type MantineColorsTuple,
  type VariantColorsResolver,
} from '@mantine/core';
import { cssVariables, TOKENS, type Tokens } from './palette';

const accent: MantineColorsTuple = [
  '#dcefed',
  '#c3e3e0',
  '#9fd1cd',
  '#74bbb6',
  '#4aa39d',
  '#2a8983',
  '#0b6863',
  '#085551',
  '#06423f',
  '#042f2d',
];

const resolveVariant: VariantColorsResolver = (input) => {
  const isDanger = input.color === 'red';
  switch (input.variant) {
    case 'filled':
      return isDanger
        ? {
            background: 'var(--g-bad)',
            hover: 'var(--g-bad)',
            color: 'var(--g-on-bad)',
            border: '1px solid transparent',
          }
        : {
            background: 'var(--g-accent)',
            hover: 'var(--g-accent-hover)',
            color: 'var(--g-on-accent)',
            border: '1px solid transparent',
          };
    case 'light':
      return {
        background: isDanger ? 'var(--g-bad-soft)' : 'var(--g-accent-soft)',
        hover: isDanger ? 'var(--g-bad-soft)' : 'var(--g-accent-soft)',
        color: isDanger ? 'var(--g-bad)' : 'var(--g-accent-text)',
        border: '1px solid transparent',
      };
    case 'subtle':
      return {
        background: 'transparent',
        hover: 'var(--g-hover)',
        color: isDanger ? 'var(--g-bad)' : 'var(--g-text)',
        border: '1px solid transparent',
      };
    case 'default':
      return {
        background: 'var(--g-surface)',
        hover: 'var(--g-hover)',
        color: 'var(--g-text)',
        border: '1px solid var(--g-edge)',
      };
    default:
      return defaultVariantColorsResolver(input);
  }
};

const inputVars = (_theme: unknown, props: { size?: string | undefined }) => {
  const isForm = props.size === 'md';
  return {
    wrapper: {
      '--input-height': isForm ? '36px' : '28px',
      '--input-fz': isForm ? '14px' : '13px',
      '--input-size': isForm ? '36px' : '28px',
    },
  };
};
const input = { defaultProps: { size: 'xs' }, vars: inputVars };

export const theme = createTheme({
  primaryColor: 'accent',
  primaryShade: 6,
  colors: { accent },
  variantColorResolver: resolveVariant,
  fontFamily: "'Inter Variable', system-ui, sans-serif",
  fontFamilyMonospace: "'JetBrains Mono Variable', ui-monospace, monospace",
  headings: { fontFamily: "'Inter Variable', system-ui, sans-serif", fontWeight: '600' },
  fontSizes: { xs: '12px', sm: '13px', md: '14px', lg: '16px', xl: '20px' },
  spacing: { xs: '8px', sm: '12px', md: '16px', lg: '24px', xl: '32px' },
  radius: { xs: '3px', sm: '4px', md: '6px', lg: '8px', xl: '12px' },
  defaultRadius: 'md',
  cursorType: 'pointer',
  respectReducedMotion: true,
  focusRing: 'auto',
  shadows: { xs: 'none', sm: 'none', md: 'var(--g-shadow)', lg: 'var(--g-shadow)', xl: 'var(--g-shadow)' },
  components: {
    Button: {
      defaultProps: { size: 'xs' },
      vars: (_theme: unknown, props: { size?: string | undefined }) => ({
        root: {
          '--button-height': props.size === 'md' ? '36px' : '28px',
          '--button-fz': props.size === 'md' ? '14px' : '13px',
          '--button-padding-x': props.size === 'md' ? '16px' : '10px',
        },
      }),
    },
    ActionIcon: { defaultProps: { variant: 'subtle', size: 28 } },
    TextInput: input,
    PasswordInput: input,
    NumberInput: input,
    Select: { ...input, defaultProps: { size: 'xs', allowDeselect: false, checkIconPosition: 'right' } },
    MultiSelect: input,
    TagsInput: input,
    Textarea: { defaultProps: { size: 'xs' } },
    ColorInput: input,
    SegmentedControl: { defaultProps: { size: 'xs', radius: 'md' } },
    Switch: { defaultProps: { size: 'xs' } },
    Checkbox: { defaultProps: { size: 'xs' } },
    Slider: { defaultProps: { size: 4, thumbSize: 14, label: null } },
    RangeSlider: { defaultProps: { size: 4, thumbSize: 14, label: null } },
    Tooltip: {
      defaultProps: {
        openDelay: 350,
        withArrow: false,
        radius: 4,
        fz: 12,
        transitionProps: { duration: 120 },
      },
    },
    Menu: {
      defaultProps: { shadow: 'md', radius: 6, transitionProps: { duration: 120 }, position: 'bottom-end' },
    },
    Popover: { defaultProps: { shadow: 'md', radius: 6, transitionProps: { duration: 120 } } },
    Modal: {
      defaultProps: {
        centered: true,
        radius: 8,
        transitionProps: { duration: 150 },
        overlayProps: { backgroundOpacity: 0.45 },
      },
    },
    Tabs: { defaultProps: { variant: 'default' } },
  },
});

const variablesOf = (tokens: Tokens): Record<string, string> => ({
  ...cssVariables(tokens),
  '--mantine-color-body': tokens.surface,
  '--mantine-color-text': tokens.text,
  '--mantine-color-bright': tokens.text,
  '--mantine-color-dimmed': tokens.dim,
  '--mantine-color-placeholder': tokens.dim,
  '--mantine-color-anchor': tokens.accentText,
  '--mantine-color-error': tokens.bad,
  '--mantine-color-default': tokens.surface,
  '--mantine-color-default-hover': tokens.sunken,
  '--mantine-color-default-color': tokens.text,
  '--mantine-color-default-border': tokens.edge,
  '--mantine-primary-color-filled': tokens.accent,
  '--mantine-primary-color-filled-hover': tokens.accentHover,
  '--mantine-primary-color-light': tokens.accentSoft,
  '--mantine-primary-color-light-hover': tokens.accentSoft,
  '--mantine-primary-color-light-color': tokens.accentText,
  '--mantine-primary-color-contrast': tokens.onAccent,
  '--mantine-color-accent-filled': tokens.accent,
  '--mantine-color-accent-filled-hover': tokens.accentHover,
  '--mantine-color-accent-light': tokens.accentSoft,
  '--mantine-color-accent-light-color': tokens.accentText,
  '--mantine-color-accent-outline': tokens.accent,
});

export const resolveVariables: CSSVariablesResolver = () => ({
  variables: {},
  light: variablesOf(TOKENS.light),
  dark: variablesOf(TOKENS.dark),
});
