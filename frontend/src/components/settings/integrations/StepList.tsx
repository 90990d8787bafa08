import { type DragEvent, useLayoutEffect, useRef, useState } from 'react';
import type { ProviderConfig } from '../../../api/configs';
import type { Step } from '../../../api/fallback';
import { integrationsTexts } from '../../../i18n/integrations';
import { useTexts } from '../../../i18n/useTexts';
import { displayName, isProviderName } from '../../../providers';
import { Badge } from '../../ui/Badge';
import { Button } from '../../ui/Button';
import { Input } from '../../ui/Input';
import styles from './Integrations.module.css';
import { ModelInput } from './ModelInput';

const WEIGHT_MAX = 1000;

/** A step with a name of its own, since a provider may stand in an order twice. */
export interface Entry extends Step {
  readonly id: string;
}

interface StepListProps {
  readonly entries: readonly Entry[];
  readonly onChange: (entries: readonly Entry[]) => void;
  readonly hasWeights: boolean;
  readonly configs: readonly ProviderConfig[];
}

/** Moves the entry at `from` to `to`. */
export function moved<T>(entries: readonly T[], from: number, to: number): readonly T[] {
  const rest = entries.filter((_, place) => place !== from);
  return [...rest.slice(0, to), ...entries.slice(from, from + 1), ...rest.slice(to)];
}

/** Steps are put in order by dragging them, or with buttons; screen readers are told the new place. */
export function StepList({ entries, onChange, hasWeights, configs }: StepListProps) {
  const t = useTexts(integrationsTexts);
  const dragged = useRef<number | null>(null);
  const pressed = useRef<HTMLElement | null>(null);
  const [said, setSaid] = useState('');

  // A row that moves in the page loses its focus: whoever pressed its button presses on.
  useLayoutEffect(() => {
    pressed.current?.focus();
    pressed.current = null;
  });
  const move = (from: number, to: number) => {
    const entry = entries[from];
    if (entry === undefined || to < 0 || to >= entries.length) return;
    onChange(moved(entries, from, to));
    setSaid(t('fallback.moved', { name: displayName(entry.provider), place: to + 1, of: entries.length }));
  };
  const over = (event: DragEvent, place: number) => {
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
            onDragOver={(event) => over(event, place)}
            onDrop={(event) => event.preventDefault()}
            onDragEnd={() => {
              dragged.current = null;
            }}
          >
            <Grip onStart={() => (dragged.current = place)} />
            <Fields
              entry={entry}
              hasWeight={hasWeights}
              configs={configs}
              onChange={(changed) => onChange(entries.map((one) => (one.id === entry.id ? changed : one)))}
            />
            <Moves
              name={displayName(entry.provider)}
              isFirst={place === 0}
              isLast={place === entries.length - 1}
              onMove={(by, button) => {
                pressed.current = button;
                move(place, place + by);
              }}
              onDrop={() => onChange(entries.filter((one) => one.id !== entry.id))}
            />
          </li>
        ))}
      </ol>
      <p className={styles.hidden} role="status">
        {said}
      </p>
    </>
  );
}

/** What a pointer takes hold of. The rest of a row does not drag, so that texts in its fields can be marked. */
function Grip({ onStart }: { readonly onStart: () => void }) {
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

interface FieldsProps {
  readonly entry: Entry;
  readonly hasWeight: boolean;
  readonly configs: readonly ProviderConfig[];
  readonly onChange: (entry: Entry) => void;
}

function Fields({ entry, hasWeight, configs, onChange }: FieldsProps) {
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

interface MovesProps {
  readonly name: string;
  readonly isFirst: boolean;
  readonly isLast: boolean;
  readonly onMove: (by: -1 | 1, button: HTMLElement) => void;
  readonly onDrop: () => void;
}

/** Buttons at an end stay reachable, so that focus is not lost there. */
function Moves({ name, isFirst, isLast, onMove, onDrop }: MovesProps) {
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
      <Button {...small} aria-label={t('fallback.drop', { name })} onClick={onDrop}>
        ×
      </Button>
    </span>
  );
}
