import { type DragEvent, useLayoutEffect, useRef, useState } from 'react';
import type { ProviderConfig } from '@/api/configs';
import type { Step } from '@/api/fallback';
import { displayName, isProviderName } from '@/api/providers';
import { Badge } from '@/components/ui/Badge';
import { Button } from '@/components/ui/Button';
import { Input } from '@/components/ui/Input';
import { VisuallyHidden } from '@/components/ui/VisuallyHidden';
import { useTexts } from '@/i18n/useTexts';
import { integrationsTexts } from '../i18n/integrationsTexts';
import styles from './Integrations.module.css';
import { ModelInput } from './ModelInput';

const WEIGHT_MAX = 1000;

/** Step with a unique id, because a provider may appear in an order twice. */
export interface StepEntry extends Step {
  readonly id: string;
}

interface FallbackStepListProps {
  readonly entries: readonly StepEntry[];
  readonly onChange: (entries: readonly StepEntry[]) => void;
  readonly hasWeights: boolean;
  readonly configs: readonly ProviderConfig[];
}

/** Return the entries with the one at `from` moved to `to`. */
function moved<T>(entries: readonly T[], from: number, to: number): readonly T[] {
  const rest = entries.filter((_, place) => place !== from);
  return [...rest.slice(0, to), ...entries.slice(from, from + 1), ...rest.slice(to)];
}

/** List of steps that users reorder by dragging or with buttons. Screen readers announce the new place. */
export function FallbackStepList({ entries, onChange, hasWeights, configs }: FallbackStepListProps) {
  const t = useTexts(integrationsTexts);
  const dragged = useRef<number | null>(null);
  const pressedButton = useRef<HTMLElement | null>(null);
  const [announcement, setAnnouncement] = useState('');

  // A row that moves in the page loses the focus. Restore it, so that the user can press the button again.
  useLayoutEffect(() => {
    pressedButton.current?.focus();
    pressedButton.current = null;
  });
  const move = (from: number, to: number) => {
    const entry = entries[from];
    if (entry === undefined || to < 0 || to >= entries.length) return;
    onChange(moved(entries, from, to));
    const name = displayName(entry.provider);
    setAnnouncement(t('fallback.moved', { name, place: to + 1, of: entries.length }));
  };
  const dragOver = (event: DragEvent, place: number) => {
    if (dragged.current === null) return;
    event.preventDefault();
    if (dragged.current === place) return;
    move(dragged.current, place);
    dragged.current = place;
  };
  return (
    <>
      <ol className={styles.steps}>
        {entries.map((entry, place) => (
          <li
            key={entry.id}
            className={styles.step}
            onDragOver={(event) => dragOver(event, place)}
            onDrop={(event) => event.preventDefault()}
            onDragEnd={() => {
              dragged.current = null;
            }}
          >
            <DragHandle onStart={() => (dragged.current = place)} />
            <StepFields
              entry={entry}
              hasWeight={hasWeights}
              configs={configs}
              onChange={(changed) => onChange(entries.map((one) => (one.id === entry.id ? changed : one)))}
            />
            <StepButtons
              name={displayName(entry.provider)}
              isFirst={place === 0}
              isLast={place === entries.length - 1}
              onMove={(by, button) => {
                pressedButton.current = button;
                move(place, place + by);
              }}
              onRemove={() => onChange(entries.filter((one) => one.id !== entry.id))}
            />
          </li>
        ))}
      </ol>
      <VisuallyHidden as="p" role="status">
        {announcement}
      </VisuallyHidden>
    </>
  );
}

/** Handle for dragging a row. The rest of the row is not draggable, so that text in its inputs can be selected. */
function DragHandle({ onStart }: { readonly onStart: () => void }) {
  return (
    <span
      className={styles.grip}
      aria-hidden="true"
      draggable
      onDragStart={({ currentTarget, dataTransfer }) => {
        onStart();
        dataTransfer.effectAllowed = 'move';
        if (currentTarget.parentElement !== null)
          dataTransfer.setDragImage(currentTarget.parentElement, 0, 0);
      }}
    >
      ⠿
    </span>
  );
}

interface StepFieldsProps {
  readonly entry: StepEntry;
  readonly hasWeight: boolean;
  readonly configs: readonly ProviderConfig[];
  readonly onChange: (entry: StepEntry) => void;
}

function StepFields({ entry, hasWeight, configs, onChange }: StepFieldsProps) {
  const t = useTexts(integrationsTexts);
  const { provider } = entry;
  const name = displayName(provider);
  const config = configs.find((one) => one.provider === provider);
  return (
    <div className={styles.stepFields}>
      <span className={styles.badges}>
        <strong className={styles.stepName}>{name}</strong>
        {config === undefined && <Badge tone="warning">{t('provider.notConfigured')}</Badge>}
        {config?.enabled === false && <Badge>{t('provider.disabled')}</Badge>}
      </span>
      {isProviderName(provider) && (
        <ModelInput
          provider={provider}
          isConfigured={config !== undefined}
          value={entry.model ?? ''}
          onChange={(model) => onChange({ ...entry, model: model === '' ? null : model })}
          ariaLabel={t('fallback.model', { name })}
          {...(config === undefined ? {} : { placeholder: config.model })}
        />
      )}
      {hasWeight && (
        <Input
          type="number"
          min={0}
          max={WEIGHT_MAX}
          aria-label={t('fallback.weight', { name })}
          value={String(entry.weight)}
          onChange={(event) => onChange({ ...entry, weight: Math.trunc(Number(event.target.value)) })}
        />
      )}
    </div>
  );
}

interface StepButtonsProps {
  readonly name: string;
  readonly isFirst: boolean;
  readonly isLast: boolean;
  readonly onMove: (by: -1 | 1, button: HTMLElement) => void;
  readonly onRemove: () => void;
}

/** Buttons that move or remove a step. A disabled one stays focusable, so that the focus is not lost. */
function StepButtons({ name, isFirst, isLast, onMove, onRemove }: StepButtonsProps) {
  const t = useTexts(integrationsTexts);
  const small = { size: 's', variant: 'ghost' } as const;
  return (
    <span className={styles.stepActions}>
      <Button
        {...small}
        aria-label={t('fallback.up', { name })}
        aria-disabled={isFirst}
        onClick={(event) => onMove(-1, event.currentTarget)}
      >
        ↑
      </Button>
      <Button
        {...small}
        aria-label={t('fallback.down', { name })}
        aria-disabled={isLast}
        onClick={(event) => onMove(1, event.currentTarget)}
      >
        ↓
      </Button>
      <Button {...small} aria-label={t('fallback.removeStep', { name })} onClick={onRemove}>
        ×
      </Button>
    </span>
  );
}
