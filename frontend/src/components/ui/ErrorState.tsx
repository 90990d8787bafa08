import type { ReactNode } from 'react';
import { commonTexts } from '../../i18n/common';
import { useProblemText } from '../../i18n/useProblemText';
import { useRequestIdText } from '../../i18n/useRequestIdText';
import { useTexts } from '../../i18n/useTexts';
import { Button } from './Button';
import styles from './States.module.css';

interface ErrorStateProps {
  readonly error: unknown;
  readonly onRetry?: () => void;
  /** What is known of it beyond its code. */
  readonly children?: ReactNode;
}

/** A failure in words, with the request's id for whoever looks into it. */
export function ErrorState({ error, onRetry, children }: ErrorStateProps) {
  const t = useTexts(commonTexts);
  const words = useProblemText();
  const requestId = useRequestIdText()(error);
  return (
    <div className={`${styles.state} ${styles.error}`} role="alert">
      <p className={styles.title}>{words(error)}</p>
      {children}
      {requestId !== undefined && <p className={styles.id}>{requestId}</p>}
      {onRetry !== undefined && (
        <Button size="s" onClick={onRetry}>
          {t('retry')}
        </Button>
      )}
    </div>
  );
}
