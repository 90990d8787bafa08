import type { ReactNode } from 'react';
import { commonTexts } from '@/i18n/common/commonTexts';
import { useProblemText } from '@/i18n/useProblemText';
import { useRequestIdText } from '@/i18n/useRequestIdText';
import { useTexts } from '@/i18n/useTexts';
import { Button } from './Button';
import styles from './States.module.css';

interface ErrorStateProps {
  readonly error: unknown;
  readonly onRetry?: () => void;
  /** Details beyond the error code. */
  readonly children?: ReactNode;
}

/** Error message with the request's id for support. */
export function ErrorState({ error, onRetry, children }: ErrorStateProps) {
  const t = useTexts(commonTexts);
  const problemText = useProblemText();
  const requestId = useRequestIdText()(error);
  return (
    <div className={`${styles.state} ${styles.error}`} role="alert">
      <p className={styles.title}>{problemText(error)}</p>
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
